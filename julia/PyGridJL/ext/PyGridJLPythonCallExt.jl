module PyGridJLPythonCallExt

using PyGridJL: own_integers, own_matrix, own_states, own_vector
using PythonCall: PyArray

# The kinds of numpy arrays that come: writable or not, contiguous along rows or a plain vector.
for writable in (true, false)
    precompile(own_matrix, (PyArray{Float64,2,writable,false,Float64},))
    precompile(own_matrix, (PyArray{Float64,2,writable,true,Float64},))
    precompile(own_vector, (PyArray{Float64,1,writable,true,Float64},))
    precompile(own_integers, (PyArray{Int64,1,writable,true,Int64},))
    precompile(own_states, (PyArray{Bool,1,writable,true,Bool},))
end

end
